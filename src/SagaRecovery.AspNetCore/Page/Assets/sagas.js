// sagas
