"""What commands write in place of pictures where no test looks at them: drawing text takes most of a small command."""

from contextlib import contextmanager

import pytest
from matplotlib.lines import Line2D
from matplotlib.text import Text

from mix2fld_np.console import attack, claims, compare, figure, readings, study, table


def quick_render(picture, name):
    """Two files as ever, which say what the picture's texts and lines say."""
    texts = [text.get_text() for text in picture.findobj(Text)]
    lines = [line.get_xydata().tolist() for line in picture.findobj(Line2D)]
    content = repr((texts, lines)).encode()
    return {f"{name}.png": b"\x89PNG" + content, f"{name}.svg": content}


@contextmanager
def pictures_by(render):
    """Lets every command of this process draw with another `render`."""
    with pytest.MonkeyPatch.context() as patch:
        for command in (attack, claims, compare, figure, readings, study, table):
            patch.setattr(command, "render", render)
        yield
