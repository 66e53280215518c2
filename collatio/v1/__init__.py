"""Generated bindings of `protos/collatio/v1`. Do not edit: `make protos` writes them."""
