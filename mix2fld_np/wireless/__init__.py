"""The fading channel: slots, latency and outage, in closed form and as a simulation; and the payloads it carries."""
