"""Plain pages for people: what is sick, what was said, what was decided and why."""
