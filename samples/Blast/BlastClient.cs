using System.Globalization;
using System.Net;
using System.Net.Http.Json;

namespace Blast;

/// <summary>One client: asks for one project after the other.</summary>
internal sealed class BlastClient(HttpClient http, Tally tally, AcknowledgedNames acknowledged, TimeSpan pause, TimeProvider time)
{
    /// <summary>A service that is down refuses at once: without a rest, thousands of failures a second would say nothing more.</summary>
    private static readonly TimeSpan RestAfterFailure = TimeSpan.FromMilliseconds(200);

    /// <param name="prefix">What the names of its projects begin with.</param>
    /// <param name="stop">Asks for no further project.</param>
    /// <param name="abort">Gives up the one that is under way.</param>
    public async Task RunAsync(string prefix, CancellationToken stop, CancellationToken abort)
    {
        for (int number = 1; !stop.IsCancellationRequested; number++)
        {
            bool done = await CreateAsync(string.Create(CultureInfo.InvariantCulture, $"{prefix}-{number}"), abort);
            TimeSpan rest = done ? pause : pause + RestAfterFailure;
            if (rest > TimeSpan.Zero)
            {
                await Task.Delay(rest, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task<bool> CreateAsync(string name, CancellationToken abort)
    {
        tally.Started();
        try
        {
            var project = new { name, description = "made by blast" };
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
