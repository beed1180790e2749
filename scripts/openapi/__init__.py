"""Reads Klaviyo's OpenAPI file into the compact facts that the project commits."""
