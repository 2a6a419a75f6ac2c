using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using VersionWorker;

// Settings on the command line: ConnectionStrings:Sagas, SagaRecovery:…, and Load, the number of sagas that it keeps under way.
HostApplicationBuilder builder = Host.CreateApplicationBuilder(args);
builder.Logging.ClearProviders().AddSimpleConsole(console => console.SingleLine = true);
builder.Services.AddSingleton(_ => NpgsqlDataSource.Create(builder.Configuration.GetConnectionString("Sagas")!));
builder.Services.AddSagaRecovery().AddDurableExecutor().AddSaga<CountedSaga>();
builder.Services.AddHostedService<Load>();
await builder.Build().RunAsync();
