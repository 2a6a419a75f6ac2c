using System.Collections.Concurrent;
using System.Net;

namespace Tests.Shared;

/// <summary>Clients that create projects until the load ends, through every failure of the service. No name is requested twice.</summary>
internal sealed class ProjectLoad : IAsyncDisposable
{
    private static readonly string[] s_zones = ["a", "b", "c"];

    private readonly CancellationTokenSource _stop = new();
    private readonly Func<ServiceProcess?> _present;
    private readonly TimeSpan _patience;
    private readonly TimeSpan _pause;
    private readonly Task _clients;
    private long _others;

    /// <param name="present">The current service; null: none.</param>
    /// <param name="clients">The number of concurrent clients.</param>
    /// <param name="names">The prefix of the names of the projects.</param>
    /// <param name="patience">The time that a client waits for an answer; null: as long as the service lives.</param>
    /// <param name="pause">The pause of a client between an answer and its next request.</param>
    public ProjectLoad(
        Func<ServiceProcess?> present, int clients, string names = "client", TimeSpan? patience = null, TimeSpan pause = default)
    {
        _pause = pause;
        _present = present;
        _patience = patience ?? Timeout.InfiniteTimeSpan;
        _clients = Task.WhenAll(Enumerable.Range(0, clients).Select(client => CreateProjectsAsync($"{names}-{client}")));
    }

    /// <summary>The names that were answered with 201.</summary>
    public ConcurrentBag<string> Promised { get; } = [];

    /// <summary>The names that were answered as taken: no other client requests them, so a saga of theirs was run twice.</summary>
    public ConcurrentBag<string> Taken { get; } = [];

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

    private async Task CreateProjectsAsync(string names)
    {
        for (int number = 1; !_stop.IsCancellationRequested; number++)
        {
            if (!await TryCreateAsync($"{names}-{number}"))
            {
                Interlocked.Increment(ref _others);
                await Task.Delay(50, CancellationToken.None); // the service is down or refuses; the outcome of the project is unknown
            }

            await Task.Delay(_pause, CancellationToken.None);
        }
    }

    /// <summary>Zero to three zones: the DAGs of the sagas differ in their sizes.</summary>
    private static IEnumerable<string> ZonesOf(string name) => s_zones.Take(name[^1] % 4);

    private async Task<bool> TryCreateAsync(string name)
    {
        try
        {
            using var patience = new CancellationTokenSource(_patience);
            using HttpResponseMessage? answer = _present() is { } service ? await service.CreateProjectAsync(name, ZonesOf(name), patience.Token) : null;
            switch (answer?.StatusCode)
            {
                case HttpStatusCode.Created:
                    Promised.Add(name);
                    return true;
                case HttpStatusCode.Conflict when !(await answer.Content.ReadAsStringAsync(patience.Token)).Contains("The saga was cancelled", StringComparison.Ordinal):
                    Taken.Add(name);
                    return true;
                default:
                    return false;
            }
        }
        catch (Exception cut) when (cut is HttpRequestException or ObjectDisposedException or OperationCanceledException)
        {
            return false;
        }
    }
}
