using Mono.Cecil;
using Mono.Cecil.Cil;

namespace SagaRecovery.Architecture.Tests;

/// <summary>The uses of the wall clock. A decision uses <c>SteadyTimeProvider.Now</c>: see docs/decisions/0015-one-steady-clock.md.</summary>
public sealed class WallClockTests
{
    [Theory]
    [InlineData(
        "SagaRecovery",
        "SagaRecovery.Coordinators.SagaCoordinator", // the container gives it the steady clock
        "SagaRecovery.Diagnostics.OperatorActionLog", // compared with the database's clock, once: which actions are older than this process
        "SagaRecovery.Retention.JsonLinesArchive", // the name of a file
        "SagaRecovery.Status.SagaRecoveryStatus", // the container gives it the steady clock
        "SagaRecovery.Storage.SagaCounts", // the time of a count, on the clock of its caller
        "SagaRecovery.Timing.SteadyTimeProvider")]
    [InlineData("SagaRecovery.Executor", "SagaRecovery.Executor.DurableSagaClient")] // ids, and a deadline that its caller took from the wall clock
    public void The_wall_clock_is_read_in_few_places(string assembly, params string[] types)
    {
        using AssemblyDefinition read = AssemblyDefinition.ReadAssembly(Path.Combine(AppContext.BaseDirectory, assembly + ".dll"));

        IEnumerable<string> readers =
            from type in read.MainModule.GetTypes()
            where type.Methods.Any(method => method.HasBody && method.Body.Instructions.Any(ReadsWallClock))
            select Outermost(type).FullName;

        readers.Distinct().Should().BeEquivalentTo(types);
    }

    private static bool ReadsWallClock(Instruction instruction) =>
        instruction.Operand is MethodReference { Name: nameof(TimeProvider.GetUtcNow) or nameof(TimeProvider.GetLocalNow) };

    private static TypeDefinition Outermost(TypeDefinition type) => type.DeclaringType is { } outer ? Outermost(outer) : type;
}
