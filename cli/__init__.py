"""Terminal in, terminal out: `flask users …` and `flask db …`. Each command reads only the settings it needs."""
