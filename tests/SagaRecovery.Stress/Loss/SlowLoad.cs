using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace SagaRecovery.Stress.Loss;

/// <summary>Clients that run slow sagas one after the other, until the load ends. A part of these sagas unwinds.</summary>
internal sealed class SlowLoad : IAsyncDisposable
{
    /// <summary>The number of clients of which one starts sagas that unwind.</summary>
    private const int OneUnwinds = 3;

    private readonly CancellationTokenSource _stop = new();
    private readonly Func<ServiceProcess?> _present;
    private readonly Task _clients;
    private long _others;

    /// <param name="present">The current service; null: none.</param>
    /// <param name="clients">The number of concurrent clients.</param>
    /// <param name="step">The time that each step of a saga takes; there are ten in a row, of 26.</param>
    public SlowLoad(Func<ServiceProcess?> present, int clients, TimeSpan step)
    {
        _present = present;
        _clients = Task.WhenAll(Enumerable.Range(0, clients).Select(client => RunAsync(step, fails: client % OneUnwinds == 0)));
    }

    /// <summary>The sagas whose end was answered, and the state that the client received.</summary>
    public ConcurrentDictionary<Guid, string> Answered { get; } = new();

    /// <summary>Requests with any other answer, or none.</summary>
    public long Others => Interlocked.Read(ref _others);

    /// <summary>Sends no more requests, and waits for the outstanding answers. Idempotent.</summary>
    public async Task EndAsync()
    {
        if (!_clients.IsCompleted)
        {
            await _stop.CancelAsync();
        }

        await _clients;
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        _stop.Dispose();
    }

    private async Task RunAsync(TimeSpan step, bool fails)
    {
        while (!_stop.IsCancellationRequested)
        {
            if (!await TryRunAsync(step, fails))
            {
                Interlocked.Increment(ref _others);
                await Task.Delay(50, CancellationToken.None); // the service refuses; the outcome of the saga is unknown
            }
        }
    }

    private async Task<bool> TryRunAsync(TimeSpan step, bool fails)
    {
        try
        {
            if (_present() is not { } service)
            {
                return false;
            }

            using HttpResponseMessage answer = await service.Http.PostAsync(
                FormattableString.Invariant($"/demo-sagas/slow?step={step.TotalMilliseconds:F0}&fails={(fails ? "true" : "false")}"), content: null);
            if (answer.StatusCode != HttpStatusCode.OK)
            {
                return false;
            }

            JsonElement saga = await answer.Content.ReadFromJsonAsync<JsonElement>();
            Answered[saga.GetProperty("saga_id").GetGuid()] = saga.GetProperty("state").GetString()!;
            return true;
        }
        catch (Exception cut) when (cut is HttpRequestException or ObjectDisposedException or OperationCanceledException)
        {
            return false;
        }
    }
}
