"""TierMesh: an Envoy external processor that sends each LLM request to the cheapest tier that can answer it."""
