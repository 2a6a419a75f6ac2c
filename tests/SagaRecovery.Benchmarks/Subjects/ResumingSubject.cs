using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using SagaRecovery.Benchmarks.Data;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Our recovery with the durable executor: from the start of the host until every saga is back in user code.</summary>
internal sealed class ResumingSubject : RecoveringSubject
{
    public const string SubjectName = "durable executor";

    public override string Name => SubjectName;

    protected override IHost Create(NpgsqlDataSource source, Guid owner, Arrivals arrivals) => ServiceHost.Create(source, owner, recovery =>
    {
        recovery.AddDurableExecutor(options => options.MaxRunningSagas = arrivals.Expected).AddSaga<InFlightSaga>();
        recovery.Services.AddSingleton(arrivals);
    });
}
