"""How types load the records that they show."""
