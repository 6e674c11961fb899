"""History in InfluxDB: one series a device, one field a tag."""
