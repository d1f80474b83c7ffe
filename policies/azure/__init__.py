"""Policies of what is declared on Azure."""
