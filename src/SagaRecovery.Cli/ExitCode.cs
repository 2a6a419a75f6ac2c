namespace SagaRecovery.Cli;

/// <summary>How the tool ends: what scripts go by. The numbers are fixed.</summary>
internal enum ExitCode
{
    /// <summary>Done.</summary>
    Done = 0,

    /// <summary>Failed: the pass failed, the check found differences, sagas are left, the answer to a question was no.</summary>
    Failed = 1,

    /// <summary>The command line makes no sense, or lacks something.</summary>
    Usage = 2,

    /// <summary>There is no such saga, or no such coordinator.</summary>
    NotFound = 3,

    /// <summary>The saga is not, or no longer, as it was shown.</summary>
    Superseded = 4,

    /// <summary>The owner answers, nobody can take its sagas, or the caller has no rights.</summary>
    Refused = 5,

    /// <summary>Neither service nor database can be reached, or they do not answer in time.</summary>
    Unreachable = 6,

    /// <summary>Ended by Ctrl-C, as shells have it.</summary>
    Interrupted = 130,
}

/// <summary>The tool does not do, or could not do, what it was asked for. The message is one line for the person who asked.</summary>
internal sealed class RefusalException(ExitCode exitCode, string message, Exception? cause = null) : Exception(message, cause)
{
    public ExitCode ExitCode { get; } = exitCode;
}
