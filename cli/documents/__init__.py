"""The parts of the documentation that are made from what is declared: drawings and tables."""
