"""An order in the making: put together, changed, priced, asked about, and had again."""
