using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Cli.Access;

/// <summary>Through a service's endpoints, as <c>MapSagaRecovery</c> maps them.</summary>
internal sealed class ServiceAccess : ISagaAccess
{
    private readonly HttpClient _http;
    private readonly Deadline _patience;

    /// <param name="address">Of the endpoints, with a slash at the end.</param>
    /// <param name="credentials">User and token for HTTP Basic, encoded; null: none.</param>
    /// <param name="deadline">How long an answer may take.</param>
    public ServiceAccess(Uri address, string? credentials, Deadline deadline)
    {
        // A redirect would take the credentials elsewhere, and make a GET of a lever.
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false };
        _http = new HttpClient(handler) { BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan, MaxResponseContentBufferSize = 256 * 1024 * 1024 };
        _http.DefaultRequestHeaders.Authorization = credentials is null ? null : new AuthenticationHeaderValue("Basic", credentials);
        _patience = deadline;
    }

    public string Where => _patience.Whom;

    /// <summary>The report as the service renders it.</summary>
    public async Task<string> StatusTextAsync(CancellationToken cancellationToken)
    {
        ServiceAnswer answer = await GetAsync("", "text/plain", cancellationToken).ConfigureAwait(false);
        return answer.Status == HttpStatusCode.OK ? answer.Body : throw answer.ToRefusal();
    }

    public Task<RecoveryReport> StatusAsync(CancellationToken cancellationToken) =>
        GetAsync("", RecoveryReportJson.Default.RecoveryReport, cancellationToken);

    public Task<RecoveryPlanReport> PlanAsync(CancellationToken cancellationToken) =>
        GetAsync("plan", RecoveryReportJson.Default.RecoveryPlanReport, cancellationToken);

    /// <summary>Runs a pass, and waits until it is over.</summary>
    public async Task<PassReport> ActivateAsync(CancellationToken cancellationToken)
    {
        ServiceAnswer answer = await SendAsync(HttpMethod.Post, "activate", body: null, "application/json", Deadline.OutcomeUnknown, cancellationToken).ConfigureAwait(false);
        return answer.Status == HttpStatusCode.OK
            ? answer.Read(RecoveryReportJson.Default.PassReport)
            : throw await RefusalAsync(answer, cancellationToken).ConfigureAwait(false);
    }

    public Task<IReadOnlyList<SagaSummary>> ListAsync(SagaFilter filter, CancellationToken cancellationToken)
    {
        (string Name, string? Value)[] narrowed =
        [
            ("limit", filter.Limit.ToString(CultureInfo.InvariantCulture)),
            ("state", filter.State is { } state ? SagaNames.Of(state) : null),
            ("owner", filter.Owner?.ToString()),
            ("name", filter.Name),
            ("before", filter.Before?.ToString()),
        ];
        IEnumerable<string> query = narrowed.Where(part => part.Value is not null).Select(part => $"{part.Name}={Uri.EscapeDataString(part.Value!)}");
        return GetAsync($"sagas?{string.Join('&', query)}", RecoveryReportJson.Default.IReadOnlyListSagaSummary, cancellationToken);
    }

    public async Task<SagaDetails?> FindAsync(SagaId sagaId, CancellationToken cancellationToken)
    {
        ServiceAnswer answer = await GetAsync($"sagas/{sagaId}", "application/json", cancellationToken).ConfigureAwait(false);
        if (answer.Status == HttpStatusCode.NotFound)
        {
            await ThrowIfElsewhereAsync(cancellationToken).ConfigureAwait(false);
            return null;
        }

        return answer.Status == HttpStatusCode.OK ? answer.Read(RecoveryReportJson.Default.SagaDetails) : throw answer.ToRefusal();
    }

    public async Task<SagaExplanation> ExplainAsync(SagaId sagaId, CancellationToken cancellationToken)
    {
        ServiceAnswer answer = await GetAsync($"sagas/{sagaId}/explain", "application/json", cancellationToken).ConfigureAwait(false);
        return answer.Status is HttpStatusCode.OK or HttpStatusCode.NotFound && answer.TryRead(RecoveryReportJson.Default.SagaExplanation) is { } explanation
            ? explanation
            : throw await RefusalAsync(answer, cancellationToken).ConfigureAwait(false);
    }

    public Task<IReadOnlyList<CoordinatorDetails>> ListCoordinatorsAsync(CancellationToken cancellationToken) =>
        GetAsync("coordinators", RecoveryReportJson.Default.IReadOnlyListCoordinatorDetails, cancellationToken);

    public Task<IReadOnlyList<SagaCount>> CountAsync(CancellationToken cancellationToken) =>
        GetAsync("counts", RecoveryReportJson.Default.IReadOnlyListSagaCount, cancellationToken);

    public Task<ClusterDetails> ReadClusterAsync(CancellationToken cancellationToken) =>
        GetAsync("cluster", RecoveryReportJson.Default.ClusterDetails, cancellationToken);

    public async Task<ReassignResponse> ReassignAsync(CoordinatorId? from, ReassignRequest request, CancellationToken cancellationToken)
    {
        string body = JsonSerializer.Serialize(request, RecoveryReportJson.Default.ReassignRequest);
        string path = $"coordinators/{from?.ToString() ?? Giver.Nobody}/{SagaNames.Of(OperatorActionKind.Reassign)}";
        ServiceAnswer answer = await SendAsync(
            HttpMethod.Post, path, body, "application/json", Deadline.OutcomeUnknown, cancellationToken, _patience.And(TimeSpan.FromSeconds(request.Wait))).ConfigureAwait(false);
        return answer.Status is HttpStatusCode.OK or HttpStatusCode.NotFound or HttpStatusCode.Conflict
            && answer.TryRead(RecoveryReportJson.Default.ReassignResponse) is { } known
            ? known
            : throw await RefusalAsync(answer, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Begins a drain of the process, or finds the one that is under way.</summary>
    public async Task<DrainReport> DrainAsync(DrainRequest request, CancellationToken cancellationToken)
    {
        string body = JsonSerializer.Serialize(request, RecoveryReportJson.Default.DrainRequest);
        ServiceAnswer answer = await SendAsync(
            HttpMethod.Post, SagaNames.Of(OperatorActionKind.Drain), body, "application/json", Deadline.OutcomeUnknown, cancellationToken).ConfigureAwait(false);
        return answer.Status == HttpStatusCode.Accepted
            ? answer.Read(RecoveryReportJson.Default.DrainReport)
            : throw await RefusalAsync(answer, cancellationToken).ConfigureAwait(false);
    }

    public Task<OperatorActionResponse> PerformAsync(OperatorActionKind kind, SagaId sagaId, OperatorActionRequest request, CancellationToken cancellationToken) =>
        PerformAsync($"sagas/{sagaId}/{SagaNames.Of(kind)}", request, cancellationToken);

    public Task<OperatorActionResponse> PerformAsync(OperatorActionKind kind, CoordinatorId? coordinator, OperatorActionRequest request, CancellationToken cancellationToken) => coordinator is null
        ? PerformAsync(SagaNames.Of(kind), request, cancellationToken)
        : throw new RefusalException(
            ExitCode.Usage, $"A service can only {SagaNames.Of(kind)} its own recovery: leave --coordinator out, or give --connection 'Host=…' of its Postgres.");

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<OperatorActionResponse> PerformAsync(string path, OperatorActionRequest request, CancellationToken cancellationToken)
    {
        string body = JsonSerializer.Serialize(request, RecoveryReportJson.Default.OperatorActionRequest);
        ServiceAnswer answer = await SendAsync(HttpMethod.Post, path, body, "application/json", Deadline.OutcomeUnknown, cancellationToken).ConfigureAwait(false);
        return answer.Status is HttpStatusCode.OK or HttpStatusCode.NotFound or HttpStatusCode.Conflict
            && answer.TryRead(RecoveryReportJson.Default.OperatorActionResponse) is { } known
            ? known
            : throw await RefusalAsync(answer, cancellationToken).ConfigureAwait(false);
    }

    private async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        ServiceAnswer answer = await GetAsync(path, "application/json", cancellationToken).ConfigureAwait(false);
        return answer.Status == HttpStatusCode.OK ? answer.Read(type) : throw answer.ToRefusal();
    }

    private Task<ServiceAnswer> GetAsync(string path, string accept, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, path, body: null, accept, unanswered: "", cancellationToken);

    private Task<ServiceAnswer> SendAsync(
        HttpMethod method, string path, string? body, string accept, string unanswered, CancellationToken cancellationToken, Deadline? deadline = null) => (deadline ?? _patience).AskAsync(
        async token =>
        {
            // The mapped prefix itself has no slash at its end.
            var target = new Uri(_http.BaseAddress!, path);
            using var request = new HttpRequestMessage(method, path.Length == 0 ? new Uri(target.ToString().TrimEnd('/')) : target);
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(accept));
            request.Content = body is null ? null : new StringContent(body, encoding: null, "application/json");
            using HttpResponseMessage response = await _http.SendAsync(request, token).ConfigureAwait(false);
            return new ServiceAnswer(Where, _http.DefaultRequestHeaders.Authorization is not null, response.StatusCode, await response.Content.ReadAsStringAsync(token).ConfigureAwait(false));
        },
        unanswered,
        cancellationToken);

    /// <summary>Why there is no answer of the expected form: no such endpoints, no levers among them, or what the answer says.</summary>
    private async Task<RefusalException> RefusalAsync(ServiceAnswer answer, CancellationToken cancellationToken)
    {
        if (answer.Status is not (HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed))
        {
            return answer.ToRefusal();
        }

        await ThrowIfElsewhereAsync(cancellationToken).ConfigureAwait(false);
        return new RefusalException(
            ExitCode.Refused, $"The service at {Where} offers no levers: outside Development they are mapped only with an authorization policy.");
    }

    /// <summary>Nothing found is not taken for "no such saga" where there are no endpoints at all.</summary>
    private async Task ThrowIfElsewhereAsync(CancellationToken cancellationToken)
    {
        ServiceAnswer root = await GetAsync("", "application/json", cancellationToken).ConfigureAwait(false);
        if (root.Status != HttpStatusCode.OK)
        {
            throw root.ToRefusal();
        }
    }
}
