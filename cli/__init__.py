"""The command: a module a verb. It drives the real engine and the embedded cloud."""
