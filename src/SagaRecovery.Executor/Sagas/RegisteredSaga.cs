using System.Text.Json;

namespace SagaRecovery;

/// <summary>A saga class that this binary registers. Immutable and thread-safe.</summary>
/// <param name="Saga">The instance that declares the definition.</param>
/// <param name="InstanceOfAttempt">
/// Resolves the instance whose code an attempt runs, from the services of the attempt. Null if <paramref name="Saga"/> serves all attempts.
/// </param>
internal sealed record RegisteredSaga(Saga Saga, Func<IServiceProvider, Saga>? InstanceOfAttempt = null)
{
    /// <summary>True for a former shape: its unfinished sagas are resumed, and none is started.</summary>
    public bool IsFormer { get; init; }

    public SagaDefinition Build(JsonSerializerOptions json, ReadOnlyMemory<byte> parameters = default) =>
        Saga.BuildDefinition(json, parameters, InstanceOfAttempt);
}

/// <summary>Resolves a registered saga class from the services of a scope.</summary>
internal delegate RegisteredSaga SagaResolver(IServiceProvider scope);
