using ControlPlane.Database;
using Microsoft.Extensions.Options;
using SagaRecovery;

namespace ControlPlane.Hosting;

/// <summary>Starts sagas for requests and waits a limited time for their results.</summary>
internal sealed class SagaRunner(
    SagaClient client, SchemaService schema, IOptions<ControlPlaneOptions> options, TimeProvider time)
{
    private readonly ControlPlaneOptions _options = options.Value;

    /// <summary>Starts a saga, or attaches to the one with the same id or key. The saga continues even if the request is aborted.</summary>
    /// <exception cref="NotReadyException">This process could not start it in time.</exception>
    /// <exception cref="SagaConflictException">Another saga has the id or the key.</exception>
    /// <exception cref="SagaRecovery.Fencing.CoordinatorFencedException">A newer process has taken over.</exception>
    public async Task<SagaHandle> StartAsync<TParameters>(Saga<TParameters> saga, TParameters parameters, SagaStartOptions? start = null)
    {
        await WaitUntilReadyAsync();
        using var timeout = new CancellationTokenSource(_options.StartTimeout, time);
        try
        {
            return await client.StartAsync(saga, parameters, start, timeout.Token);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            throw new NotReadyException("This process has not joined as the coordinator yet, or Postgres does not answer.");
        }
    }

    /// <summary>Starts a saga and waits for its result, whichever process runs it to its end.</summary>
    /// <param name="saga">The definition.</param>
    /// <param name="parameters">The parameters.</param>
    /// <param name="key">The idempotency key of the request; null for none.</param>
    /// <returns>The handle and the result. The result is null if the saga is still running.</returns>
    /// <inheritdoc cref="StartAsync" path="/exception" />
    public async Task<(SagaHandle Saga, SagaResult? Result)> RunAsync<TParameters>(Saga<TParameters> saga, TParameters parameters, string? key = null)
    {
        SagaHandle handle = await StartAsync(saga, parameters, new SagaStartOptions { Key = key });
        using var timeout = new CancellationTokenSource(_options.AnswerTimeout, time);
        try
        {
            return (handle, await client.WaitAsync(handle.SagaId, timeout.Token));
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            return (handle, null);
        }
        catch (OperationCanceledException)
        {
            return (handle, new SagaResult.Interrupted("the process shuts down"));
        }
    }

    /// <summary>Waits a limited time until the control plane's tables exist.</summary>
    /// <exception cref="NotReadyException">The tables did not exist in time.</exception>
    public async Task WaitUntilReadyAsync()
    {
        try
        {
            await schema.Ready.WaitAsync(_options.StartTimeout, time);
        }
        catch (TimeoutException)
        {
            throw new NotReadyException("This process could not connect to Postgres yet.");
        }
    }
}

/// <summary>The exception for a process that is not ready yet. A retry may succeed.</summary>
internal sealed class NotReadyException(string message) : Exception(message);
