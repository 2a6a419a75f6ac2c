// Shows an executor of your own, in place of the durable one. RecipeExecutor runs named steps one after the other, without undos.
// Kill the program in the middle, and start it again without "brew": it continues with the step that was under way.
// Run it with ConnectionStrings__Sagas, SagaRecovery__CoordinatorId=kitchen-1 and SagaRecovery__Postgres__CreateSchema=true:
// dotnet run --project samples/OwnExecutor brew
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using SagaRecovery;
using SagaRecovery.Coordinators;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

HostApplicationBuilder builder = Host.CreateApplicationBuilder(args);
builder.Services.AddSingleton(NpgsqlDataSource.Create(builder.Configuration.GetConnectionString("Sagas")!));
builder.Services.AddSingleton(new Recipe("tea", CookAsync, "boil", "steep", "pour"));
builder.Services.AddSingleton<RecipeClient>();
builder.Services.AddHostedService(services => services.GetRequiredService<RecipeExecutor>()); // before recovery, which then stops first
builder.Services.AddSagaRecovery().UseExecutor<RecipeExecutor>();
using IHost host = builder.Build();
await host.StartAsync();

if (args is ["brew"])
{
    SagaId saga = await host.Services.GetRequiredService<RecipeClient>().StartAsync();
    Console.WriteLine($"started {saga}");
}

await host.WaitForShutdownAsync();

static async Task CookAsync(SagaId saga, string step, CancellationToken cancellationToken)
{
    Console.WriteLine($"{saga} {step}: begun");
    await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken); // stands for real work, which may run again after a crash
    Console.WriteLine($"{saga} {step}: done");
}

/// <summary>Steps that run one after the other. A step that throws is repeated until it succeeds.</summary>
internal sealed class Recipe
{
    public Recipe(string name, Func<SagaId, string, CancellationToken, Task> cook, params string[] steps)
    {
        Cook = cook;
        Steps = steps;

        // The form that SagaGraph reads, so that the operator's page names the steps. Recovery takes any JSON.
        IEnumerable<SagaGraphNode> nodes = steps.Select((step, id) => new SagaGraphNode(id, step, Undo: false, After: id == 0 ? [] : [id - 1]));
        byte[] dag = JsonSerializer.SerializeToUtf8Bytes(new SagaGraph([.. nodes]), JsonSerializerOptions.Web);
        Definition = new SavedDefinition(DefinitionHash.Of(dag), name, Version: 1, dag);
    }

    public Func<SagaId, string, CancellationToken, Task> Cook { get; }

    public IReadOnlyList<string> Steps { get; }

    public SavedDefinition Definition { get; }
}

/// <summary>Starts the sagas that <see cref="RecipeExecutor"/> runs. Thread-safe.</summary>
internal sealed class RecipeClient(
    Recipe recipe, RecipeExecutor executor, SagaStarts starts, SagaCoordinator coordinator, ISagaLog log, TimeProvider time)
{
    /// <summary>Starts a saga. It is in the database once the task completes.</summary>
    public async Task<SagaId> StartAsync(CancellationToken cancellationToken = default)
    {
        var saga = new NewSaga(SagaId.NewAt(time.GetUtcNow()), recipe.Definition, "{}"u8.ToArray());
        Membership member = await coordinator.JoinedAsync(cancellationToken);
        using SagaStart start = starts.Announce(saga.Id); // before the insert, or recovery runs the saga a second time
        try
        {
            await InsertAsync(member, saga, cancellationToken);
        }
        catch (JoinLostException) // the database has lost the join of this process, and nothing was inserted
        {
            member = await coordinator.RejoinAsync(member, cancellationToken);
            await InsertAsync(member, saga, cancellationToken);
        }

        start.Confirm(AdoptGeneration.Initial); // before the run, which may end at once
        executor.TryBegin(saga.Id, member.Of(AdoptGeneration.Initial), []);
        return saga.Id;
    }

    private async Task InsertAsync(Membership member, NewSaga saga, CancellationToken cancellationToken)
    {
        try
        {
            if (!await log.CreateAsync(member, saga, cancellationToken))
            {
                throw new InvalidOperationException($"A saga with the id {saga.Id} exists.");
            }
        }
        catch (CoordinatorFencedException fenced)
        {
            coordinator.ReportFenced(fenced);
            throw;
        }
    }
}
