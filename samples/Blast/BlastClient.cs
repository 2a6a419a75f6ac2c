using System.Globalization;
using System.Net;
using System.Net.Http.Json;

namespace Blast;

/// <summary>A client that creates one project after another.</summary>
internal sealed class BlastClient(HttpClient http, Tally tally, AcknowledgedNames acknowledged, TimeSpan pause, TimeProvider time)
{
    /// <summary>The extra pause after a failure: a service that is down refuses immediately, and thousands of failures per second add nothing.</summary>
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromMilliseconds(200);

    /// <param name="prefix">The prefix of its project names.</param>
    /// <param name="stop">Stops sending requests.</param>
    /// <param name="abort">Cancels the request in flight.</param>
    public async Task RunAsync(string prefix, CancellationToken stop, CancellationToken abort)
    {
        for (int number = 1; !stop.IsCancellationRequested; number++)
        {
            bool done = await CreateAsync(string.Create(CultureInfo.InvariantCulture, $"{prefix}-{number}"), abort);
            TimeSpan delay = done ? pause : pause + PauseAfterFailure;
            if (delay > TimeSpan.Zero)
            {
                await Task.Delay(delay, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task<bool> CreateAsync(string name, CancellationToken abort)
    {
        tally.Started();
        try
        {
            var project = new { name, description = "created by blast" };
            using HttpResponseMessage response = await http.PostAsJsonAsync(new Uri("/v1/projects", UriKind.Relative), project, abort);
            if (response.StatusCode == HttpStatusCode.Created)
            {
                acknowledged.Add(name);
                tally.Done();
                return true;
            }

            tally.Failed(string.Create(CultureInfo.InvariantCulture, $"{(int)response.StatusCode} {response.StatusCode}"));
        }
        catch (HttpRequestException failure)
        {
            tally.Failed(failure.HttpRequestError.ToString());
        }
        catch (OperationCanceledException)
        {
            tally.Failed("not answered in time");
        }

        return false;
    }
}
