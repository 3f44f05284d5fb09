"""The pages of the support console. config/admin.py has their addresses, and what the rooms give to them."""
