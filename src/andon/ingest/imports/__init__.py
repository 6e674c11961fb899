"""History that comes as a whole: in numbered parts, once each, whatever breaks on the way."""
