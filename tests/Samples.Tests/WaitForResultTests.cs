using System.Net;
using System.Net.Http.Json;
using Samples.Tests.Support;

namespace Samples.Tests;

[Collection(OnPostgres.Name)]
public sealed class WaitForResultTests(PostgresCluster postgres)
{
    [Fact]
    public async Task An_order_is_answered_with_its_result_or_with_its_address()
    {
        SampleDatabase database = await SampleDatabase.CreateAsync(postgres);
        await using SampleProcess shop = await SampleProcess.ServeAsync("WaitForResult", database);

        using HttpResponseMessage failed = await OrderAsync(shop, quantity: 0);
        failed.StatusCode.Should().Be(HttpStatusCode.Conflict);
        Order unwound = await ReadAsync(failed);
        unwound.Should().BeEquivalentTo(new { State = "unwound", Error = "nothing-to-pack" });
        (await shop.Http.GetFromJsonAsync<Order>($"/orders/{unwound.Id}")).Should().Be(unwound);

        using HttpResponseMessage quick = await OrderAsync(shop, quantity: 1);
        quick.StatusCode.Should().Be(HttpStatusCode.Created);
        Order done = await ReadAsync(quick);
        done.State.Should().Be("succeeded");
        done.Tracking.Should().StartWith("parcel-");
        (await shop.Http.GetFromJsonAsync<Order>(quick.Headers.Location)).Should().Be(done);
    }

    [Fact]
    public async Task The_result_of_an_order_that_outlives_its_process_is_read_from_the_next_one()
    {
        SampleDatabase database = await SampleDatabase.CreateAsync(postgres);
        Uri address;
        await using (SampleProcess killed = await SampleProcess.ServeAsync("WaitForResult", database, "--SecondsPerPiece=1000"))
        {
            using HttpResponseMessage slow = await OrderAsync(killed, quantity: 1);
            slow.StatusCode.Should().Be(HttpStatusCode.Accepted);
            address = slow.Headers.Location!;
            (await killed.Http.GetFromJsonAsync<Order>(address))!.State.Should().Be("running");
            await killed.KillAsync();
        }

        (await database.SagasAsync()).Should().Equal("order running");

        await using SampleProcess next = await SampleProcess.ServeAsync("WaitForResult", database);
        Order? found = null;
        await Eventually.HoldsAsync(
            async () => (found = await next.Http.GetFromJsonAsync<Order>(address))!.State == "succeeded",
            "the order had succeeded",
            SampleProcess.Longest);
        found!.Tracking.Should().StartWith("parcel-");
    }

    private static Task<HttpResponseMessage> OrderAsync(SampleProcess shop, int quantity) =>
        shop.Http.PostAsJsonAsync("/orders", new { item = "lamp", quantity });

    private static async Task<Order> ReadAsync(HttpResponseMessage answer) => (await answer.Content.ReadFromJsonAsync<Order>())!;

    private sealed record Order(Guid Id, string State, string? Tracking, string? Error);
}
