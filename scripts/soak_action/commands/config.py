"""soak config: look at the configuration, check it, move it; each subcommand has a module of its own."""

from __future__ import annotations

NAME = "config"
SUMMARY = "shows, checks and migrates the configuration: every value, where it comes from, what it hides"
DESCRIPTION = """\
Shows what soak.yaml, its profiles, the environment and the command line come to,
with the origin of every value, checks all of it, and turns legacy files into
soak.yaml. Nothing is run."""
EXAMPLE = "soak config show schedule.iterations"
# The subcommand NAME is the module config_NAME beside this one: SUMMARY, DESCRIPTION, EXAMPLE, add_arguments, execute.
SUBCOMMANDS = ("show", "check", "env", "schema", "migrate")
