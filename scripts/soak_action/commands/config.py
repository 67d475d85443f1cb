"""soak config: look at the configuration, check it, and know its names; each subcommand has a module of its own."""

from __future__ import annotations

NAME = "config"
SUMMARY = "shows and checks the configuration: every value, where it comes from, and what it hides"
DESCRIPTION = """\
Shows what soak.yaml, its profiles, the environment and the command line come to,
with the origin of every value, and checks all of it. Nothing is run or written."""
EXAMPLE = "soak config show schedule.iterations"
# The subcommand NAME is the module config_NAME beside this one: SUMMARY, DESCRIPTION, EXAMPLE, add_arguments, execute.
SUBCOMMANDS = ("show", "check", "env", "schema")
