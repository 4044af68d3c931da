"""Answers and hints of lesson 06."""

from functools import cache

import numpy as np
from checks import lesson_data
from marking import Number
from scores import Open, Refused
from written import Written

from mix2fld_np.federation import payloads, protocols, seed_samples
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.federation.task import Task, first_state
from mix2fld_np.nn.losses import distillation_target, phi_gradient, softmax
from mix2fld_np.nn.training import distil
from mix2fld_np.randomness import stream
from mix2fld_np.wireless import payload

STARTS, STEPS = 8, 3_200
G_3 = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])  # the teacher of three labels in section 3
SOFT = np.array([0.1, 0.9, 0.0])


def step(z, t, eta):
    """One step of eq. (5) on the logits themselves."""
    return z - eta * phi_gradient(softmax(z), t)


@cache
def received():
    """What the server holds in round 1: 500 raw seed samples, their labels, the average outputs; and the task."""
    task = Task(PRINTED, lesson_data("digits", n_train=8_000), seed=6)
    fed = protocols.train_devices(first_state(task), task, 1)[0]
    teacher = payloads.average_over_devices(fed, task, np.ones(task.n_devices, bool))
    images, labels = seed_samples.keep(seed_samples.raw(task), task).render(np.arange(500))
    return images, labels, teacher, task


def softened(teacher, temperature):
    """Each row to the power 1 / temperature, and divided by its sum."""
    powers = np.clip(teacher, 1e-12, None) ** (1 / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


def accuracy_at(choice):
    """Mean accuracy of eight students of a softened teacher; `choice` is (temperature, beta)."""
    if np.shape(choice) != (2,):
        raise Refused("two numbers are wanted: (temperature, beta).")
    temperature, beta = map(float, choice)
    if not (0.05 <= temperature <= 1_000 and 0 <= beta <= 1_000):
        raise Refused("the temperature has to lie between 0.05 and 1,000, and beta between 0 and 1,000.")
    images, labels, teacher, task = received()
    found = []
    for k in range(STARTS):
        start = task.network.initial_weights(stream(6, "start of a student", k))
        order = stream(6, "its order", k).integers(len(images), size=STEPS)
        rate = 0.01 / (1 + beta)  # a target that sums to 1 + beta makes the step so much longer
        learned = distil(task.network, start, images, labels, softened(teacher, temperature), order, rate, beta)
        found.append(task.accuracy(learned))
    return float(np.mean(found))


EXERCISES = {
    "06.1": Written(
        distillation_target,
        [
            (np.eye(3), G_3, 0.5),
            (np.eye(3)[[2, 0]], G_3, 0.01),
            (np.array([[0.1, 0.9, 0.0], [0.0, 0.4, 0.6]]), G_3, 1.0),
            (np.eye(3), G_3, 0.0),
        ],
        hints=(
            "phi and psi differ in what stands before log F: l there, G here. Add what stands before log F.",
            "the row of the teacher that belongs to a label is y @ G, for soft labels too; beta times it comes on top.",
        ),
    ),
    "06.2": Written(
        step,
        [
            (np.array([0.3, -0.2, 0.1]), np.array([1.35, 0.1, 0.05]), 0.1),
            (np.zeros(4), np.array([0.0, 1.0, 0.0, 0.0]), 0.01),
            (np.array([2.0, -1.0]), np.array([0.8, 1.2]), 1.0),
        ],
        hints=(
            "d log F_m / d z_j is 1(m = j) - F_j; sum it over m with the weights -t_m.",
            "the gradient is (sum of t) F - t; a step goes against it, eta times as far.",
        ),
    ),
    "06.3": Number(
        payload.uplink_reduction(10, 401_408, 3_200, 50 * 6_272),
        hints=(
            "FL sends weights ten times; what does FLD send ten times, and what once?",
            "ten times 401,408 bits over ten times 3,200 and once 50 * 6,272.",
        ),
        mistakes=[
            (42.378, "that is for ten seed samples; here 50 travel."),
            (401_408 / 316_800, "seed samples travel once, with round 1, not in every round."),
            (125.44, "the seed samples cost bits too."),
            (345_600 / 4_014_080, "the other way round: how many times fewer bits than FL?"),
            (4_014_080 / 313_600, "the outputs cost bits too."),
        ],
    ),
    "06.4": Number(
        next(n for n in range(1, 5_000) if n**2 > 774 + 1_177 * n),
        hints=(
            "both numbers have 32 bits, so compare how many there are, N_L * N_L and N_mod.",
            "N_mod grows with N_L too: count N_L up until N_L * N_L exceeds 774 + 1,177 N_L.",
        ),
        mistakes=[
            (112, "that holds the model at 12,544 weights; it grows with N_L."),
            (113, "that holds the model at 12,544 weights; it grows with N_L."),
            (1_177, "nearly: the 774 weights of the other layers count too."),
        ],
    ),
    "06.5": Number(
        distillation_target(SOFT[None], G_3, 0.5)[0],
        hints=(
            "first the teacher of this label: a tenth of row 1 and nine tenths of row 2.",
            "then the label plus beta times that teacher; it sums to 1.5.",
        ),
    ),
    "06.6": Open(
        accuracy_at,
        best=0.875,
        unit="the share of test images that are right",
        function=False,
        hints=(
            "how soft a teacher should be depends on how soft it is: look at the diagonal of G_out first.",
            "hold beta at 1 and try temperatures on both sides of 1; then change beta.",
        ),
    ),
}
