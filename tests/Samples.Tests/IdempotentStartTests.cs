using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Samples.Tests.Support;

namespace Samples.Tests;

[Collection(OnPostgres.Name)]
public sealed class IdempotentStartTests(PostgresCluster postgres)
{
    [Fact]
    public async Task Many_requests_with_one_key_start_one_saga()
    {
        SampleDatabase database = await SampleDatabase.CreateAsync(postgres);
        await using SampleProcess shop = await SampleProcess.ServeAsync("IdempotentStart", database);

        HttpResponseMessage[] answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => PostAsync(shop, "key-1", quantity: 2)));

        Uri order = answers.Should().ContainSingle(answer => answer.StatusCode == HttpStatusCode.Accepted).Which.Headers.Location!;
        answers.Should().OnlyContain(answer => answer.StatusCode == HttpStatusCode.Accepted || answer.StatusCode == HttpStatusCode.OK);
        await database.OnlySagaIsAsync("order succeeded");
        shop.Output.Where(line => line.Contains("reserving 2 lamp", StringComparison.Ordinal)).Should().ContainSingle();

        (await PostAsync(shop, "key-1", quantity: 2)).StatusCode.Should().Be(HttpStatusCode.OK);
        JsonElement state = await shop.Http.GetFromJsonAsync<JsonElement>(order);
        state.GetProperty("state").GetString().Should().Be("succeeded");
        (await database.SagasAsync()).Should().ContainSingle();
    }

    [Fact]
    public async Task A_key_that_another_order_has_is_refused()
    {
        SampleDatabase database = await SampleDatabase.CreateAsync(postgres);
        await using SampleProcess shop = await SampleProcess.ServeAsync("IdempotentStart", database);

        (await PostAsync(shop, "key-1", quantity: 2)).StatusCode.Should().Be(HttpStatusCode.Accepted);
        (await PostAsync(shop, "key-1", quantity: 3)).StatusCode.Should().Be(HttpStatusCode.UnprocessableEntity);
        (await PostAsync(shop, " ", quantity: 1)).StatusCode.Should().Be(HttpStatusCode.BadRequest);
        (await database.SagasAsync()).Should().ContainSingle();
        (await shop.Http.GetAsync($"/orders/{Guid.NewGuid()}")).StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    private static async Task<HttpResponseMessage> PostAsync(SampleProcess shop, string key, int quantity)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/orders") { Content = JsonContent.Create(new { item = "lamp", quantity }) };
        request.Headers.Add("Idempotency-Key", key);
        return await shop.Http.SendAsync(request);
    }
}
