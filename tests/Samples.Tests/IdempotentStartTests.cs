using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Samples.Tests.Support;

namespace Samples.Tests;

[Collection(OnPostgres.Name)]
public sealed class IdempotentStartTests(PostgresCluster postgres)
{
    [Fact]
    public async Task Many_requests_with_one_id_start_one_saga()
    {
        SampleDatabase database = await SampleDatabase.CreateAsync(postgres);
        await using SampleProcess shop = await SampleProcess.ServeAsync("IdempotentStart", database);
        string order = $"/orders/{Guid.NewGuid()}";

        HttpStatusCode[] answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => PutAsync(shop, order, quantity: 2)));

        answers.Should().ContainSingle(status => status == HttpStatusCode.Accepted);
        answers.Should().OnlyContain(status => status == HttpStatusCode.Accepted || status == HttpStatusCode.OK);
        await database.OnlySagaIsAsync("order succeeded");
        shop.Output.Where(line => line.Contains("reserving 2 lamp", StringComparison.Ordinal)).Should().ContainSingle();

        (await PutAsync(shop, order, quantity: 2)).Should().Be(HttpStatusCode.OK);
        JsonElement state = await shop.Http.GetFromJsonAsync<JsonElement>(order);
        state.GetProperty("state").GetString().Should().Be("succeeded");
        (await database.SagasAsync()).Should().ContainSingle();
    }

    [Fact]
    public async Task An_id_that_another_order_has_is_a_conflict()
    {
        SampleDatabase database = await SampleDatabase.CreateAsync(postgres);
        await using SampleProcess shop = await SampleProcess.ServeAsync("IdempotentStart", database);
        string order = $"/orders/{Guid.NewGuid()}";

        (await PutAsync(shop, order, quantity: 2)).Should().Be(HttpStatusCode.Accepted);
        (await PutAsync(shop, order, quantity: 3)).Should().Be(HttpStatusCode.Conflict);
        (await PutAsync(shop, $"/orders/{Guid.Empty}", quantity: 1)).Should().Be(HttpStatusCode.BadRequest);
        (await database.SagasAsync()).Should().ContainSingle();
        (await shop.Http.GetAsync($"/orders/{Guid.NewGuid()}")).StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    private static async Task<HttpStatusCode> PutAsync(SampleProcess shop, string order, int quantity)
    {
        using HttpResponseMessage answer = await shop.Http.PutAsJsonAsync(order, new { item = "lamp", quantity });
        return answer.StatusCode;
    }
}
