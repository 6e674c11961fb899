"""History on PostgreSQL; `store.PostgresStore` is what the application opens."""
