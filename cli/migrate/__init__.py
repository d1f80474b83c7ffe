"""`nexus migrate mongo`: LibreChat's conversations out of MongoDB into the organisations' tables, none lost unseen."""
