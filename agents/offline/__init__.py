"""The model that needs no key and no network: rules that understand a taquería's Spanish and English."""
