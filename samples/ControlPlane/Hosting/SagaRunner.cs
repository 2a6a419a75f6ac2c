using ControlPlane.Database;
using Microsoft.Extensions.Options;
using SagaRecovery;

namespace ControlPlane.Hosting;

/// <summary>Starts sagas on behalf of requests, and waits for them, for a while.</summary>
internal sealed class SagaRunner(
    SagaClient client, SchemaService schema, IOptions<ControlPlaneOptions> options, TimeProvider time)
{
    private readonly ControlPlaneOptions _options = options.Value;

    /// <summary>Starts a saga. It goes on, whatever becomes of the request.</summary>
    /// <exception cref="NotReadyException">This process could not start it in time.</exception>
    /// <exception cref="SagaRecovery.Fencing.CoordinatorFencedException">A newer process has taken over.</exception>
    public async Task<SagaHandle> StartAsync<TParameters>(Saga<TParameters> saga, TParameters parameters, SagaId? id = null)
    {
        await WaitUntilReadyAsync();
        using var patience = new CancellationTokenSource(_options.StartTimeout, time);
        try
        {
            return await client.StartAsync(saga, parameters, new SagaStartOptions { Id = id }, patience.Token);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            throw new NotReadyException("This process has not joined as the coordinator yet, or Postgres does not answer.");
        }
    }

    /// <summary>Starts a saga and waits for its end.</summary>
    /// <returns>Its handle, and its result; null: it goes on.</returns>
    /// <inheritdoc cref="StartAsync" path="/exception" />
    public async Task<(SagaHandle Saga, SagaResult? Result)> RunAsync<TParameters>(Saga<TParameters> saga, TParameters parameters)
    {
        SagaHandle handle = await StartAsync(saga, parameters);
        try
        {
            return (handle, await handle.Completion.WaitAsync(_options.AnswerTimeout, time));
        }
        catch (TimeoutException)
        {
            return (handle, null);
        }
    }

    /// <summary>Waits, for a while, until the control plane's tables are there.</summary>
    /// <exception cref="NotReadyException">They are not.</exception>
    public async Task WaitUntilReadyAsync()
    {
        try
        {
            await schema.Ready.WaitAsync(_options.StartTimeout, time);
        }
        catch (TimeoutException)
        {
            throw new NotReadyException("Postgres has not let this process in yet.");
        }
    }
}

/// <summary>This process cannot do it now; a later try may succeed.</summary>
internal sealed class NotReadyException(string message) : Exception(message);
