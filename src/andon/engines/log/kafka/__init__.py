"""The log on Apache Kafka; `KafkaLog` in `log.py` is what others use."""
