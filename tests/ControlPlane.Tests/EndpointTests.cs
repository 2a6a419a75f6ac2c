using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using ControlPlane.Tests.Support;

namespace ControlPlane.Tests;

[Collection(OnPostgres.Name)]
public sealed partial class EndpointTests(EndpointTests.RunningService running) : IClassFixture<EndpointTests.RunningService>
{
    private HttpClient Http => running.Service.Http;

    [Fact]
    public async Task A_project_is_created_with_its_network_shown_listed_and_deleted()
    {
        using HttpResponseMessage created = await running.Service.CreateProjectAsync("alpha", zones: ["a"]);
        created.StatusCode.Should().Be(HttpStatusCode.Created);
        created.Headers.Location.Should().Be("/v1/projects/alpha");
        JsonElement body = await created.Content.ReadFromJsonAsync<JsonElement>();
        body.GetProperty("name").GetString().Should().Be("alpha");
        body.GetProperty("description").GetString().Should().Be("made by a test");

        JsonElement shown = await Http.GetFromJsonAsync<JsonElement>(created.Headers.Location);
        shown.GetProperty("id").GetGuid().Should().Be(body.GetProperty("id").GetGuid());
        JsonElement vpc = shown.GetProperty("vpc");
        vpc.GetProperty("ipv6_prefix").GetString().Should().StartWith("fd").And.EndWith("::/48");
        vpc.GetProperty("router").GetProperty("routes").EnumerateArray().Select(route => route.GetProperty("destination").GetString())
            .Should().Equal("0.0.0.0/0", "::/0");
        vpc.GetProperty("subnets").EnumerateArray().Select(subnet => $"{subnet.GetProperty("name")} {subnet.GetProperty("ipv4_block")}")
            .Should().Equal("default 172.30.0.0/22", "a 172.30.4.0/22");
        vpc.GetProperty("firewall_rules").GetArrayLength().Should().Be(3);
        (await NamesAsync()).Should().Contain("alpha");

        using HttpResponseMessage deleted = await Http.DeleteAsync("/v1/projects/alpha");
        deleted.StatusCode.Should().Be(HttpStatusCode.NoContent);
        await ShouldBeProblemAsync(await Http.GetAsync("/v1/projects/alpha"), HttpStatusCode.NotFound);
        (await NamesAsync()).Should().NotContain("alpha");
        (await running.Service.CreateProjectAsync("alpha")).StatusCode.Should().Be(HttpStatusCode.Created, "its name is free again");
    }

    /// <summary>By the names of a real exporter: tests of the library only translate the names of the instruments.</summary>
    [Fact]
    public async Task The_exporter_serves_every_metric_that_the_alerts_ask_for_also_before_its_first_event()
    {
        string rules = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs/operations/prometheus-rules.yml"));
        string[] asked = [.. AskedMetric().Matches(rules).Select(match => match.Value).Distinct()];
        asked.Should().HaveCountGreaterThan(15);

        await Eventually.HoldsAsync(async () => asked.Except(await ServedAsync()).ToArray() is [], "the store was counted");

        async Task<IEnumerable<string>> ServedAsync() =>
            (await Http.GetStringAsync("/metrics")).Split('\n').Where(line => !line.StartsWith('#')).Select(line => line.Split('{', ' ')[0]);
    }

    [Fact]
    public async Task Of_concurrent_creates_of_one_name_exactly_one_wins()
    {
        for (int round = 0; round < 10; round++)
        {
            string name = $"contested-{round}";
            HttpResponseMessage[] answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => running.Service.CreateProjectAsync(name)));

            answers.Count(answer => answer.StatusCode == HttpStatusCode.Created).Should().Be(1);
            foreach (HttpResponseMessage lost in answers.Where(answer => answer.StatusCode != HttpStatusCode.Created))
            {
                await ShouldBeProblemAsync(lost, HttpStatusCode.Conflict, "no project of this name", name);
            }
        }

        (await running.Ledger.WholeProjectsAsync()).Count(name => name.StartsWith("contested-", StringComparison.Ordinal)).Should().Be(10);
    }

    [Theory]
    [InlineData("""{"name":"Upper"}""", "name")]
    [InlineData("""{"name":"1st"}""", "name")]
    [InlineData("""{"name":"under_score"}""", "name")]
    [InlineData("""{"name":"line\n"}""", "name")]
    [InlineData("""{"name":""}""", "name")]
    [InlineData("""{"name":"a234567890123456789012345678901234567890123456789012345678901234"}""", "name")]
    [InlineData("""{"name":null}""", "name")]
    [InlineData("""{"description":"no name"}""", "name")]
    [InlineData("""{"name":"fine","descripton":"typing mistake"}""", "descripton")]
    [InlineData("""{"name":"fine","description":"a\u0000b"}""", "description")]
    [InlineData("""{"name":"fine","zones":["a","a"]}""", "zones")]
    [InlineData("""{"name":"fine","zones":["default"]}""", "zones")]
    [InlineData("""{"name":"fine","zones":[null]}""", "zones")]
    [InlineData("""{"name":7}""", "$.name")]
    [InlineData("""{"name":{}}""", "$.name")]
    [InlineData("""{"name":"fine","name":"fine"}""", "$.name")]
    [InlineData("""{"name":"fine","description":"\ud800"}""", "$.description")]
    [InlineData("""{"name":""", "body")]
    [InlineData("[]", "body")]
    [InlineData("null", "body")]
    [InlineData("", "body")]
    public async Task An_invalid_body_is_a_problem_that_names_what_is_wrong(string body, string names)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");

        string problem = await ShouldBeProblemAsync(await Http.PostAsync("/v1/projects", content), HttpStatusCode.BadRequest);

        problem.Should().Contain(names).And.NotContain("System.").And.NotContain("ControlPlane.");
    }

    [Fact]
    public async Task Other_media_types_and_huge_bodies_are_problems_too()
    {
        using var form = new FormUrlEncodedContent([new("name", "alpha")]);
        await ShouldBeProblemAsync(await Http.PostAsync("/v1/projects", form), HttpStatusCode.UnsupportedMediaType);
        using var huge = new StringContent($"{{\"name\":\"fine\",\"description\":\"{new string('a', 70_000)}\"}}", Encoding.UTF8, "application/json");
        await ShouldBeProblemAsync(await Http.PostAsync("/v1/projects", huge), HttpStatusCode.RequestEntityTooLarge);
    }

    [Theory]
    [InlineData("GET", "/v1/projects/nobody", HttpStatusCode.NotFound)]
    [InlineData("GET", "/v1/projects/Not%20A%20Name", HttpStatusCode.NotFound)]
    [InlineData("DELETE", "/v1/projects/nobody", HttpStatusCode.NotFound)]
    [InlineData("DELETE", "/v1/projects/Not%20A%20Name", HttpStatusCode.NotFound)]
    [InlineData("PUT", "/v1/projects", HttpStatusCode.MethodNotAllowed)]
    [InlineData("GET", "/v1/projects?limit=0", HttpStatusCode.BadRequest)]
    [InlineData("GET", "/v1/projects?limit=1001", HttpStatusCode.BadRequest)]
    [InlineData("GET", "/v1/projects?limit=many", HttpStatusCode.BadRequest)]
    [InlineData("GET", "/v1/projects?page_token=%00", HttpStatusCode.BadRequest)]
    [InlineData("POST", "/demo-sagas/0b1f0000-0000-7000-8000-000000000000/complete", HttpStatusCode.NotFound)]
    [InlineData("POST", "/demo-sagas/not-an-id/complete", HttpStatusCode.NotFound)]
    [InlineData("GET", "/nowhere", HttpStatusCode.NotFound)]
    public async Task A_missing_or_invalid_resource_is_a_problem(string method, string path, HttpStatusCode status)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);

        await ShouldBeProblemAsync(await Http.SendAsync(request), status);
    }

    [Fact]
    public async Task The_list_comes_in_pages_without_gaps_or_repeats()
    {
        for (int i = 0; i < 5; i++)
        {
            (await running.Service.CreateProjectAsync($"page-{i}")).EnsureSuccessStatusCode();
        }

        List<string> paged = [];
        string? token = null;
        do
        {
            JsonElement page = await Http.GetFromJsonAsync<JsonElement>($"/v1/projects?limit=2{(token is null ? "" : $"&page_token={token}")}");
            page.GetProperty("items").GetArrayLength().Should().BeLessThanOrEqualTo(2);
            paged.AddRange(page.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("name").GetString()!));
            token = page.GetProperty("next_page").GetString();
        }
        while (token is not null);

        paged.Should().Equal(await NamesAsync()).And.BeInAscendingOrder(StringComparer.Ordinal).And.Contain(["page-0", "page-4"]);
    }

    [Fact]
    public async Task A_demo_saga_waits_until_it_is_released_and_a_second_release_is_harmless()
    {
        Guid id = await running.Service.StartDemoSagaAsync();
        (await running.Ledger.SagasInProgressAsync()).Should().Contain(id);

        (await running.Service.ReleaseDemoSagaAsync(id)).StatusCode.Should().Be(HttpStatusCode.NoContent);
        await Eventually.HoldsAsync(async () => !(await running.Ledger.SagasInProgressAsync()).Contains(id), "the saga was finished");
        (await running.Service.ReleaseDemoSagaAsync(id)).StatusCode.Should().Be(HttpStatusCode.NoContent);
    }

    [Theory]
    [InlineData(null, "text/plain")]
    [InlineData("*/*", "text/plain")]
    [InlineData("text/html;q=0.5, text/*;q=0.9", "text/plain")]
    [InlineData("application/json", "application/json")]
    [InlineData("text/plain;q=0.5, application/json", "application/json")]
    [InlineData("application/*;q=0.1, text/plain", "text/plain")]
    public async Task The_status_is_text_unless_JSON_is_asked_for(string? accept, string type)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/saga-recovery");
        if (accept is not null)
        {
            request.Headers.TryAddWithoutValidation("Accept", accept);
        }

        using HttpResponseMessage response = await Http.SendAsync(request);

        response.Content.Headers.ContentType!.MediaType.Should().Be(type);
        (await response.Content.ReadAsStringAsync()).Should().StartWith(type == "text/plain" ? "task: \"saga_recovery\"" : "{");
    }

    [Fact]
    public async Task Activating_answers_with_the_report_of_a_pass_of_its_own()
    {
        JsonElement before = await running.Service.StatusAsync();

        JsonElement pass = await running.Service.ActivateAsync();

        pass.GetProperty("start").GetProperty("reason").GetString().Should().Be("Explicit");
        pass.GetProperty("start").GetProperty("iteration").GetInt64()
            .Should().BeGreaterThan(before.GetProperty("lastPass").GetProperty("start").GetProperty("iteration").GetInt64());
        using var request = new HttpRequestMessage(HttpMethod.Post, "/saga-recovery/activate") { Headers = { Authorization = ServiceProcess.Operator } };
        using HttpResponseMessage text = await Http.SendAsync(request);
        (await text.Content.ReadAsStringAsync()).Should().Contain("triggered by a request");
    }

    private static async Task<string> ShouldBeProblemAsync(HttpResponseMessage response, HttpStatusCode status, params string[] notes)
    {
        using (response)
        {
            string body = await response.Content.ReadAsStringAsync();
            response.StatusCode.Should().Be(status, "{0} {1}", body, string.Join(' ', notes));
            response.Content.Headers.ContentType.Should().Be(new MediaTypeHeaderValue("application/problem+json"));
            JsonDocument.Parse(body).RootElement.GetProperty("status").GetInt32().Should().Be((int)status);
            return body;
        }
    }

    private async Task<IReadOnlyList<string>> NamesAsync()
    {
        JsonElement page = await Http.GetFromJsonAsync<JsonElement>("/v1/projects?limit=1000");
        return [.. page.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("name").GetString()!)];
    }

    [GeneratedRegex(@"\bsaga_recovery_[a-z_]+(?=[\[ )])", RegexOptions.None, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex AskedMetric();

    /// <summary>One service for all tests of this class.</summary>
    public sealed class RunningService(PostgresCluster postgres) : IAsyncLifetime
    {
        internal ServiceProcess Service { get; private set; } = null!;

        internal Ledger Ledger { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            string database = await postgres.NewDatabaseAsync();
            Ledger = new Ledger(database);
            Service = await ServiceProcess.StartAsync(database, Guid.NewGuid());
            await Eventually.HoldsAsync(
                async () => (await Service.StatusAsync()).GetProperty("lastPass").ValueKind != JsonValueKind.Null, "the first pass was over");
        }

        public async ValueTask DisposeAsync() => await Service.DisposeAsync();
    }
}
