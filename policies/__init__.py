"""What must hold of every deployment, whatever it is made of. Imports nothing of the program."""
