"""What puts the parts together: training runs, tables, figures."""
