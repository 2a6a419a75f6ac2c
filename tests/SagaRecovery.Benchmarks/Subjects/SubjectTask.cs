using System.Globalization;
using SagaRecovery.Benchmarks.Data;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>The task of a subject.</summary>
internal sealed record SubjectTask
{
    /// <summary>Represents a missing number on the command line.</summary>
    private const int None = -1;

    public required string ConnectionString { get; init; }

    /// <summary>The coordinator that owns the sagas.</summary>
    public required Guid Owner { get; init; }

    /// <summary>The coordinator that owns the sagas of the warm-up.</summary>
    public required Guid WarmUpOwner { get; init; }

    /// <summary>The number of sagas.</summary>
    public required int Sagas { get; init; }

    /// <summary>The number of the warm-up's sagas.</summary>
    public int WarmUpSagas { get; init; }

    /// <summary>The number of times that they are recovered.</summary>
    public int WarmUpRounds { get; init; }

    /// <summary>The number of concurrent sagas; 0: irrelevant.</summary>
    public int AtATime { get; init; }

    /// <summary>The number of repetitions of a short operation.</summary>
    public int Repeats { get; init; }

    /// <summary>The number of rows of one write; 0: irrelevant.</summary>
    public int RowsEach { get; init; }

    /// <summary>The number of concurrent writers; null: irrelevant.</summary>
    public int? Writers { get; init; }

    /// <summary>The number of sagas that had ended before; null: irrelevant.</summary>
    public int? Finished { get; init; }

    /// <summary>The time stamp at which its process was launched; the machine's clock is the same for all.</summary>
    public long LaunchedAt { get; init; }

    /// <summary>The size that distinguishes measurements.</summary>
    public int Size => Finished ?? Writers ?? (AtATime > 0 ? AtATime : Sagas);

    /// <summary>Without a database.</summary>
    public static SubjectTask Without(int sagas) => new() { ConnectionString = "", Owner = default, WarmUpOwner = default, Sagas = sagas };

    /// <summary>Reads the result of <see cref="ToArguments"/>. It parses nothing that needs compilation: that counts as the subject's time.</summary>
    public static SubjectTask Parse(IReadOnlyList<string> arguments) => new()
    {
        ConnectionString = arguments[0],
        Owner = Guid.Parse(arguments[1]),
        WarmUpOwner = Guid.Parse(arguments[2]),
        Sagas = int.Parse(arguments[3], CultureInfo.InvariantCulture),
        WarmUpSagas = int.Parse(arguments[4], CultureInfo.InvariantCulture),
        WarmUpRounds = int.Parse(arguments[5], CultureInfo.InvariantCulture),
        AtATime = int.Parse(arguments[6], CultureInfo.InvariantCulture),
        Repeats = int.Parse(arguments[7], CultureInfo.InvariantCulture),
        RowsEach = int.Parse(arguments[8], CultureInfo.InvariantCulture),
        Writers = ParseOptional(arguments[9]),
        Finished = ParseOptional(arguments[10]),
        LaunchedAt = long.Parse(arguments[11], CultureInfo.InvariantCulture),
    };

    public static SubjectTask On(Dataset dataset, int sagas) => new()
    {
        ConnectionString = dataset.ConnectionString,
        Owner = dataset.Owner,
        WarmUpOwner = dataset.WarmUpOwner,
        WarmUpSagas = dataset.WarmUpSagas,
        Sagas = sagas,
    };

    /// <summary>For the command line of its process.</summary>
    public IReadOnlyList<string> ToArguments()
    {
        string[] numbers =
        [
            .. new long[] { Sagas, WarmUpSagas, WarmUpRounds, AtATime, Repeats, RowsEach, Writers ?? None, Finished ?? None, LaunchedAt }
                .Select(number => number.ToString(CultureInfo.InvariantCulture)),
        ];
        return [ConnectionString, Owner.ToString(), WarmUpOwner.ToString(), .. numbers];
    }

    private static int? ParseOptional(string argument) => int.Parse(argument, CultureInfo.InvariantCulture) is var number and not None ? number : null;
}
