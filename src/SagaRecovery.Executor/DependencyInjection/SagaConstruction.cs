namespace SagaRecovery.Executor;

/// <summary>
/// Finds a saga class whose constructor takes a service that needs the saga classes. The container would recurse without end, in silence:
/// it cannot see a cycle through factories.
/// </summary>
internal static class SagaConstruction
{
    [ThreadStatic]
    private static bool _creatingRegistry; // a container resolves a service on one thread

    [ThreadStatic]
    private static Type? _saga;

    /// <summary>Creates the registry.</summary>
    /// <exception cref="InvalidOperationException">A saga class that is being created for the registry needs the registry.</exception>
    public static SagaRegistry CreateRegistry(Func<SagaRegistry> create)
    {
        if (_creatingRegistry)
        {
            throw new InvalidOperationException(
                $"The constructor of saga class {_saga} takes a service that needs the registered sagas, such as ISagaExecutor, SagaOperator or SagaDrain. "
                + "Take SagaClient, which may be injected, or take IServiceProvider and resolve that service in the action.");
        }

        _creatingRegistry = true;
        try
        {
            return create();
        }
        finally
        {
            _creatingRegistry = false;
        }
    }

    /// <summary>Creates one saga class for the registry.</summary>
    public static TSaga Create<TSaga>(Func<TSaga> create)
        where TSaga : Saga
    {
        _saga = typeof(TSaga);
        try
        {
            return create();
        }
        finally
        {
            _saga = null;
        }
    }
}
