using Microsoft.Extensions.Hosting;
using Npgsql;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Our recovery with an executor that runs nothing: from the start of the host until every saga has been resumed.</summary>
internal sealed class RecoverySubject : RecoveringSubject
{
    public const string SubjectName = "recovery";

    public override string Name => SubjectName;

    protected override IHost Create(NpgsqlDataSource source, Guid owner, Arrivals arrivals) => ServiceHost.CreateNoOp(source, owner, arrivals);
}
