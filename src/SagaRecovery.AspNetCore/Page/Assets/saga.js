// saga
