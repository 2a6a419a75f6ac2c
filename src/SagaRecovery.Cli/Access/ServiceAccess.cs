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

/// <summary>Access through the endpoints of a service (<c>MapSagaRecovery</c>).</summary>
internal sealed class ServiceAccess : ISagaAccess
{
    private readonly HttpClient _http;
    private readonly Deadline _deadline;

    /// <param name="address">The base address of the endpoints, with a trailing slash.</param>
    /// <param name="credentials">The credentials; null for none.</param>
    /// <param name="deadline">The time limit of each request.</param>
    public ServiceAccess(Uri address, AuthenticationHeaderValue? credentials, Deadline deadline)
    {
        // A redirect would send the credentials to another server and turn a POST into a GET.
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false };
        _http = new HttpClient(handler) { BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan, MaxResponseContentBufferSize = 256 * 1024 * 1024 };
        _http.DefaultRequestHeaders.Authorization = credentials;
        _deadline = deadline;
    }

    public string Target => _deadline.Target;

    /// <summary>Returns the status report as the service renders it.</summary>
    public async Task<string> StatusTextAsync(CancellationToken cancellationToken)
    {
        ServiceResponse response = await GetAsync("", "text/plain", cancellationToken).ConfigureAwait(false);
        return response.Status == HttpStatusCode.OK ? response.Body : throw response.ToException();
    }

    public Task<RecoveryReport> StatusAsync(CancellationToken cancellationToken) =>
        GetAsync("", RecoveryReportJson.Default.RecoveryReport, cancellationToken);

    public Task<RecoveryPlanReport> PlanAsync(CancellationToken cancellationToken) =>
        GetAsync("plan", RecoveryReportJson.Default.RecoveryPlanReport, cancellationToken);

    /// <summary>Runs a pass and waits until it ends.</summary>
    public async Task<PassReport> ActivateAsync(CancellationToken cancellationToken)
    {
        ServiceResponse response = await SendAsync(
            HttpMethod.Post, "activate", body: null, "application/json", Deadline.OutcomeUnknown, cancellationToken).ConfigureAwait(false);
        return response.Status == HttpStatusCode.OK
            ? response.Read(RecoveryReportJson.Default.PassReport)
            : throw await CreateExceptionAsync(response, cancellationToken).ConfigureAwait(false);
    }

    public Task<IReadOnlyList<SagaSummary>> ListAsync(SagaFilter filter, CancellationToken cancellationToken)
    {
        (string Name, string? Value)[] parameters =
        [
            ("limit", filter.Limit.ToString(CultureInfo.InvariantCulture)),
            ("state", filter.State is { } state ? SagaNames.Of(state) : filter.UnfinishedOnly ? SagaNames.Unfinished : null),
            ("held", filter.HeldOnly ? "true" : null),
            ("owner", filter.Owner?.ToString()),
            ("name", filter.Name),
            ("version", filter.Version?.ToString(CultureInfo.InvariantCulture)),
            ("since", filter.Since?.ToString("O", CultureInfo.InvariantCulture)),
            ("until", filter.Until?.ToString("O", CultureInfo.InvariantCulture)),
            ("failedNode", filter.FailedNode),
            ("errorCode", filter.ErrorCode),
            .. filter.Tags.Select(tag => ("tag", (string?)tag.ToString())),
            ("before", filter.Before?.ToString()),
        ];
        IEnumerable<string> query = parameters.Where(part => part.Value is not null).Select(part => $"{part.Name}={Uri.EscapeDataString(part.Value!)}");
        return GetAsync($"sagas?{string.Join('&', query)}", RecoveryReportJson.Default.IReadOnlyListSagaSummary, cancellationToken);
    }

    public async Task<SagaDetails?> FindAsync(SagaId sagaId, CancellationToken cancellationToken)
    {
        ServiceResponse response = await GetAsync($"sagas/{sagaId}", "application/json", cancellationToken).ConfigureAwait(false);
        if (response.Status == HttpStatusCode.NotFound)
        {
            await ThrowIfNotMappedAsync(cancellationToken).ConfigureAwait(false);
            return null;
        }

        return response.Status == HttpStatusCode.OK ? response.Read(RecoveryReportJson.Default.SagaDetails) : throw response.ToException();
    }

    public async Task<SagaExplanation> ExplainAsync(SagaId sagaId, CancellationToken cancellationToken)
    {
        ServiceResponse response = await GetAsync($"sagas/{sagaId}/explain", "application/json", cancellationToken).ConfigureAwait(false);
        return response.Status is HttpStatusCode.OK or HttpStatusCode.NotFound
            && response.TryRead(RecoveryReportJson.Default.SagaExplanation) is { } explanation
            ? explanation
            : throw await CreateExceptionAsync(response, cancellationToken, reads: true).ConfigureAwait(false);
    }

    public Task<IReadOnlyList<CoordinatorDetails>> ListCoordinatorsAsync(CancellationToken cancellationToken) =>
        GetAsync("coordinators", RecoveryReportJson.Default.IReadOnlyListCoordinatorDetails, cancellationToken);

    public Task<SagaCounts> CountAsync(CancellationToken cancellationToken) =>
        GetAsync("counts", RecoveryReportJson.Default.SagaCounts, cancellationToken);

    public Task<IReadOnlyList<IdMatch>> IdentifyAsync(string text, CancellationToken cancellationToken) =>
        GetAsync($"whatis?id={Uri.EscapeDataString(text)}", RecoveryReportJson.Default.IReadOnlyListIdMatch, cancellationToken);

    public Task<SagaBatchResponse> PerformAsync(OperatorActionKind kind, SagaBatchRequest request, CancellationToken cancellationToken) => PostAsync(
        $"sagas/{SagaNames.Of(kind)}",
        JsonSerializer.Serialize(request, RecoveryReportJson.Default.SagaBatchRequest),
        HttpStatusCode.OK,
        RecoveryReportJson.Default.SagaBatchResponse,
        cancellationToken);

    public Task<DefinitionList> ListDefinitionsAsync(CancellationToken cancellationToken) =>
        GetAsync("definitions", RecoveryReportJson.Default.DefinitionList, cancellationToken);

    public Task<ClusterDetails> ReadClusterAsync(CancellationToken cancellationToken) =>
        GetAsync("cluster", RecoveryReportJson.Default.ClusterDetails, cancellationToken);

    public Task<ProblemList> ListProblemsAsync(CancellationToken cancellationToken) =>
        GetAsync("problems", RecoveryReportJson.Default.ProblemList, cancellationToken);

    public Task<Problem> AcknowledgeAsync(string id, OperatorActionRequest request, CancellationToken cancellationToken) => PostAsync(
        "problems/acknowledge",
        JsonSerializer.Serialize(
            new AcknowledgeRequest { Id = id, Reason = request.Reason, Actor = request.Actor }, RecoveryReportJson.Default.AcknowledgeRequest),
        HttpStatusCode.OK,
        RecoveryReportJson.Default.Problem,
        cancellationToken);

    public Task<ReassignResponse> ReassignAsync(CoordinatorId? from, ReassignRequest request, CancellationToken cancellationToken) => PerformAsync(
        $"coordinators/{from?.ToString() ?? ReassignSource.NoOwner}/{SagaNames.Of(OperatorActionKind.Reassign)}",
        JsonSerializer.Serialize(request, RecoveryReportJson.Default.ReassignRequest),
        RecoveryReportJson.Default.ReassignResponse,
        cancellationToken,
        _deadline.Extend(TimeSpan.FromSeconds(request.Wait)));

    /// <summary>Starts draining the process, or returns the drain in progress.</summary>
    public Task<DrainReport> DrainAsync(DrainRequest request, CancellationToken cancellationToken) => PostAsync(
        SagaNames.Of(OperatorActionKind.Drain),
        JsonSerializer.Serialize(request, RecoveryReportJson.Default.DrainRequest),
        HttpStatusCode.Accepted,
        RecoveryReportJson.Default.DrainReport,
        cancellationToken);

    public Task<OperatorActionResponse> PerformAsync(
        OperatorActionKind kind, SagaId sagaId, OperatorActionRequest request, CancellationToken cancellationToken) =>
        PerformAsync($"sagas/{sagaId}/{SagaNames.Of(kind)}", request, cancellationToken);

    public Task<OperatorActionResponse> PerformAsync(
        OperatorActionKind kind, CoordinatorId? coordinator, OperatorActionRequest request, CancellationToken cancellationToken) => coordinator is null
        ? PerformAsync(SagaNames.Of(kind), request, cancellationToken)
        : throw new ToolException(
            ExitCode.Usage,
            $"A service can only {SagaNames.Of(kind)} its own recovery: omit --coordinator, or pass --connection 'Host=…' for its Postgres.");

    public Task<PurgeResponse> PurgeAsync(PurgeRequest request, CancellationToken cancellationToken) => PerformAsync(
        SagaNames.Of(OperatorActionKind.Purge),
        JsonSerializer.Serialize(request, RecoveryReportJson.Default.PurgeRequest),
        RecoveryReportJson.Default.PurgeResponse,
        cancellationToken);

    public Task<OperatorActionResponse> ForgetAsync(CoordinatorId coordinator, OperatorActionRequest request, CancellationToken cancellationToken) =>
        PerformAsync($"coordinators/{coordinator}/{SagaNames.Of(OperatorActionKind.Forget)}", request, cancellationToken);

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    private Task<OperatorActionResponse> PerformAsync(string path, OperatorActionRequest request, CancellationToken cancellationToken) => PerformAsync(
        path,
        JsonSerializer.Serialize(request, RecoveryReportJson.Default.OperatorActionRequest),
        RecoveryReportJson.Default.OperatorActionResponse,
        cancellationToken);

    /// <summary>Posts an operator action, and reads its outcome, which may be that nothing was done.</summary>
    private async Task<T> PerformAsync<T>(string path, string body, JsonTypeInfo<T> type, CancellationToken cancellationToken, Deadline? deadline = null)
        where T : class
    {
        ServiceResponse response = await SendAsync(
            HttpMethod.Post, path, body, "application/json", Deadline.OutcomeUnknown, cancellationToken, deadline).ConfigureAwait(false);
        return response.Status is HttpStatusCode.OK or HttpStatusCode.NotFound or HttpStatusCode.Conflict && response.TryRead(type) is { } result
            ? result
            : throw await CreateExceptionAsync(response, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Posts a request whose outcome is unknown if no answer arrives, and reads the response of the expected status.</summary>
    private async Task<T> PostAsync<T>(string path, string body, HttpStatusCode expected, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        ServiceResponse response = await SendAsync(
            HttpMethod.Post, path, body, "application/json", Deadline.OutcomeUnknown, cancellationToken).ConfigureAwait(false);
        return response.Status == expected ? response.Read(type) : throw await CreateExceptionAsync(response, cancellationToken).ConfigureAwait(false);
    }

    private async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        ServiceResponse response = await GetAsync(path, "application/json", cancellationToken).ConfigureAwait(false);
        return response.Status == HttpStatusCode.OK
            ? response.Read(type)
            : throw await CreateExceptionAsync(response, cancellationToken, reads: true).ConfigureAwait(false);
    }

    private Task<ServiceResponse> GetAsync(string path, string accept, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, path, body: null, accept, unansweredNote: "", cancellationToken);

    private Task<ServiceResponse> SendAsync(
        HttpMethod method, string path, string? body, string accept, string unansweredNote, CancellationToken cancellationToken, Deadline? deadline = null) =>
        (deadline ?? _deadline).RunAsync(
        async token =>
        {
            // The route of the mapped prefix itself has no trailing slash.
            var address = new Uri(_http.BaseAddress!, path);
            using var request = new HttpRequestMessage(method, path.Length == 0 ? new Uri(address.ToString().TrimEnd('/')) : address);
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(accept));
            request.Content = body is null ? null : new StringContent(body, encoding: null, "application/json");
            using HttpResponseMessage http = await _http.SendAsync(request, token).ConfigureAwait(false);
            string content = await http.Content.ReadAsStringAsync(token).ConfigureAwait(false);
            return new ServiceResponse(Target, _http.DefaultRequestHeaders.Authorization is not null, http.StatusCode, content);
        },
        unansweredNote,
        cancellationToken);

    /// <summary>
    /// Creates the exception for a response of unexpected form: no endpoints, what the endpoint did not find, no such endpoint, or the error in the
    /// response.
    /// </summary>
    private async Task<ToolException> CreateExceptionAsync(ServiceResponse response, CancellationToken cancellationToken, bool reads = false)
    {
        if (response.Status is not (HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed))
        {
            return response.ToException();
        }

        await ThrowIfNotMappedAsync(cancellationToken).ConfigureAwait(false);
        return response.Status == HttpStatusCode.NotFound && response.FindText("detail") is { } detail ? new ToolException(ExitCode.NotFound, detail)
            : reads ? new ToolException(ExitCode.Failed, $"The service at {Target} does not offer this: its version is older than that of the tool.")
            : new ToolException(
                ExitCode.Refused, $"The service at {Target} offers no operator actions: outside Development they are mapped only with an authorization policy.");
    }

    /// <summary>Throws if the endpoints are not mapped at this address, so that a 404 is not mistaken for an unknown saga.</summary>
    private async Task ThrowIfNotMappedAsync(CancellationToken cancellationToken)
    {
        ServiceResponse root = await GetAsync("", "application/json", cancellationToken).ConfigureAwait(false);
        if (root.Status != HttpStatusCode.OK)
        {
            throw root.ToException();
        }
    }
}
