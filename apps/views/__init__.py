"""One script a page; `apps.main` lists them."""
