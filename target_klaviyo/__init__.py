"""The Singer target: rows from any tap into Klaviyo, in bulk, each one accounted for."""
