"""How good made images are: a judge, figures with their scale, and a page that shows them."""
