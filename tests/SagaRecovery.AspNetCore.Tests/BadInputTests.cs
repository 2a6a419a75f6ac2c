using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using SagaRecovery.AspNetCore.Tests.Support;

namespace SagaRecovery.AspNetCore.Tests;

[Collection(OnPostgres.Name)]
public sealed class BadInputTests(BadInputTests.OneService one) : IClassFixture<BadInputTests.OneService>, IAsyncLifetime
{
    private readonly TestService _service = one.Service;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync() =>
        (await _service.QueryAsync<long>("select count(*) from saga_recovery.saga_operator_action where actor <> 'operator-form'")).Should().Be(0);

    public static TheoryData<string> Bodies => new()
    {
        "", "null", "[]", "{", "{}", """{"reason":null}""", """{"reason":"  "}""", """{"reason":7}""", """{"reason":"x","state":"Sleeping"}""",
        """{"reason":"x","state":99}""", """{"reason":"x","sate":"Running"}""", """{"reason":"x","generation":"one"}""", """{"reason":"a\u0000b"}""", $$"""{"reason":"{{new string('x', 1001)}}"}""",
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task An_operator_action_without_a_proper_request_does_not_run(string body) => await ShouldBeProblemAsync(
        HttpStatusCode.BadRequest, await _service.SendAsync(HttpMethod.Post, "/pause", TestUsers.Operator, Json(body)));

    [Theory]
    [InlineData("inject-error")]
    [InlineData("skip-undo")]
    public async Task An_action_on_a_node_does_not_run_without_one(string kind) => await ShouldBeProblemAsync(
        HttpStatusCode.BadRequest, await _service.PerformAsync($"/sagas/{Guid.NewGuid()}/{kind}", new { reason = "x" }));

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/xml")]
    [InlineData(null)]
    public async Task A_body_that_another_site_could_make_a_browser_send_is_refused(string? type)
    {
        HttpContent body = Json("""{"reason":"x"}""");
        body.Headers.ContentType = type is null ? null : new MediaTypeHeaderValue(type);
        await ShouldBeProblemAsync(HttpStatusCode.UnsupportedMediaType, await _service.SendAsync(HttpMethod.Post, "/pause", TestUsers.Operator, body));
    }

    [Fact]
    public async Task A_browser_activates_with_JSON_only()
    {
        long before = await PassesAsync();
        using var bare = new HttpRequestMessage(HttpMethod.Post, "/saga-recovery/activate") { Headers = { { "Origin", "http://elsewhere" }, { TestUsers.Header, TestUsers.Operator } } };
        await ShouldBeProblemAsync(HttpStatusCode.UnsupportedMediaType, await _service.Http.SendAsync(bare));
        (await PassesAsync()).Should().Be(before);

        using var json = new HttpRequestMessage(HttpMethod.Post, "/saga-recovery/activate") { Headers = { { "Origin", "http://localhost" }, { TestUsers.Header, TestUsers.Operator } }, Content = Json("{}") };
        (await _service.Http.SendAsync(json)).StatusCode.Should().Be(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("/pause")]
    [InlineData("/activate")]
    public async Task A_form_without_its_antiforgery_token_is_refused(string kind)
    {
        long before = await PassesAsync();
        using var form = new FormUrlEncodedContent([new("reason", "x")]);

        await ShouldBeProblemAsync(HttpStatusCode.BadRequest, await _service.SendAsync(HttpMethod.Post, kind, TestUsers.Operator, form));

        (await PassesAsync()).Should().Be(before);
    }

    [Fact]
    public async Task A_form_with_its_antiforgery_token_runs_the_operator_action()
    {
        SagaId saga = await _service.StartSagaAsync();
        var context = new DefaultHttpContext { RequestServices = _service.App.Services };
        context.User = TestUsers.Named("operator-form");
        AntiforgeryTokenSet tokens = _service.App.Services.GetRequiredService<IAntiforgery>().GetTokens(context);
        AntiforgeryOptions names = _service.App.Services.GetRequiredService<IOptions<AntiforgeryOptions>>().Value;
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/saga-recovery/sagas/{saga}/hold")
        {
            Headers = { { TestUsers.Header, "operator-form" }, { "Cookie", $"{names.Cookie.Name}={tokens.CookieToken}" } },
            Content = new FormUrlEncodedContent([new("reason", "from a form"), new(tokens.FormFieldName, tokens.RequestToken)]),
        };

        using HttpResponseMessage response = await _service.Http.SendAsync(request);

        response.StatusCode.Should().Be(HttpStatusCode.OK, await response.Content.ReadAsStringAsync());
        (await _service.JsonAsync($"/sagas/{saga}")).GetProperty("hold").GetProperty("note").GetProperty("reason").GetString().Should().Be("from a form");
    }

    [Fact]
    public async Task A_body_without_bounds_is_refused() => await ShouldBeProblemAsync(
        HttpStatusCode.RequestEntityTooLarge,
        await _service.SendAsync(HttpMethod.Post, "/pause", TestUsers.Operator, Json($$"""{"reason":"{{new string('x', 1 << 20)}}"}""")));

    [Theory]
    [InlineData("/sagas/not-a-uuid")]
    [InlineData("/sagas/not-a-uuid/explain")]
    [InlineData("/sagas?state=Sleeping")]
    [InlineData("/sagas?state=Running&state=stuck")]
    [InlineData("/sagas?limit=0")]
    [InlineData("/sagas?limit=1001")]
    [InlineData("/sagas?limit=-1")]
    [InlineData("/sagas?owner=me")]
    [InlineData("/sagas?before=x")]
    [InlineData("/sagas?tag=vpc")]
    [InlineData("/sagas?since=yesterday")]
    [InlineData("/sagas?until=12:30")]
    [InlineData("/sagas?version=two")]
    [InlineData("/sagas?held=maybe")]
    [InlineData("/whatis")]
    [InlineData("/whatis?id=")]
    [InlineData("/whatis?id=%00")]
    [InlineData("/sagas?name=%00")]
    [InlineData("/sagas?nmae=x")]
    public async Task What_cannot_be_meant_is_refused(string path) => await ShouldBeProblemAsync(
        HttpStatusCode.BadRequest, await _service.SendAsync(HttpMethod.Get, path));

    [Fact]
    public async Task An_operator_action_on_no_UUID_is_refused() => await ShouldBeProblemAsync(
        HttpStatusCode.BadRequest, await _service.PerformAsync("/sagas/not-a-uuid/hold", new { reason = "x" }));

    [Fact]
    public async Task An_unknown_saga_is_not_found_and_explained_as_unknown()
    {
        SagaId missing = new(Guid.NewGuid());
        await ShouldBeProblemAsync(HttpStatusCode.NotFound, await _service.SendAsync(HttpMethod.Get, $"/sagas/{missing}"));

        using HttpResponseMessage json = await _service.SendAsync(HttpMethod.Get, $"/sagas/{missing}/explain", accept: "application/json");
        using HttpResponseMessage text = await _service.SendAsync(HttpMethod.Get, $"/sagas/{missing}/explain");

        json.StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await json.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("verdict").GetString().Should().Be("Unknown");
        text.StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await text.Content.ReadAsStringAsync()).Should().StartWith($"saga {missing}: unknown\n");
    }

    [Theory]
    [InlineData("GET", "/sagsa", HttpStatusCode.NotFound, "There is no endpoint /saga-recovery/sagsa.", null)]
    [InlineData("POST", "/sagas/x/y/z", HttpStatusCode.NotFound, "There is no endpoint /saga-recovery/sagas/x/y/z.", null)]
    [InlineData("POST", "/plan", HttpStatusCode.MethodNotAllowed, "The endpoint /saga-recovery/plan takes GET only.", "GET")]
    [InlineData("GET", "/pause", HttpStatusCode.MethodNotAllowed, "The endpoint /saga-recovery/pause takes POST only.", "POST")]
    [InlineData("DELETE", "", HttpStatusCode.MethodNotAllowed, "The endpoint /saga-recovery takes GET only.", "GET")]
    public async Task What_no_endpoint_takes_is_answered_with_a_problem_document(string method, string path, HttpStatusCode status, string title, string? allowed)
    {
        using HttpResponseMessage response = await _service.SendAsync(new HttpMethod(method), path, TestUsers.Operator);

        response.StatusCode.Should().Be(status);
        response.Content.Headers.ContentType!.MediaType.Should().Be("application/problem+json");
        JsonElement problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        problem.GetProperty("title").GetString().Should().Be(title);
        problem.TryGetProperty("detail", out _).Should().BeFalse("a detail is about what an endpoint did not find");
        response.Content.Headers.Allow.SingleOrDefault().Should().Be(allowed);
    }

    private static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");

    private static async Task ShouldBeProblemAsync(HttpStatusCode status, HttpResponseMessage response)
    {
        using (response)
        {
            string body = await response.Content.ReadAsStringAsync();
            response.StatusCode.Should().Be(status, body);
            response.Content.Headers.ContentType!.MediaType.Should().Be("application/problem+json");
            JsonDocument.Parse(body).RootElement.GetProperty("detail").GetString().Should().NotBeNullOrEmpty();
        }
    }

    private async Task<long> PassesAsync() => (await _service.JsonAsync("")).GetProperty("totals").GetProperty("passes").GetInt64();

    /// <summary>One service for all tests of this class.</summary>
    public sealed class OneService(PostgresCluster postgres) : IAsyncLifetime
    {
        internal TestService Service { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Service = await TestService.StartAsync(
            await postgres.NewDatabaseAsync(), TestService.ForOperators, services: builder => builder.Services.AddAntiforgery());

        public async ValueTask DisposeAsync() => await Service.DisposeAsync();
    }
}
