namespace SagaRecovery.Cli;

/// <summary>The exit codes of the tool. Scripts depend on the numbers, so they never change.</summary>
internal enum ExitCode
{
    /// <summary>The command succeeded.</summary>
    Done = 0,

    /// <summary>The command failed: the pass failed, the check found differences, sagas are left, or the operator declined.</summary>
    Failed = 1,

    /// <summary>The command line is invalid or incomplete.</summary>
    Usage = 2,

    /// <summary>The saga, the coordinator or the definition does not exist.</summary>
    NotFound = 3,

    /// <summary>The action does not apply to the saga as it is: it has ended, it is not stuck, or it has changed since the tool read it.</summary>
    Superseded = 4,

    /// <summary>The request was refused: the owner answers, no coordinator can take the sagas, or the caller is not authorized.</summary>
    Refused = 5,

    /// <summary>The service or the database cannot be reached, or did not answer in time.</summary>
    Unreachable = 6,

    /// <summary>Ctrl-C ended the tool; 130 is the shell convention (128 + SIGINT).</summary>
    Interrupted = 130,
}

/// <summary>A command could not be carried out. The message is one line for the operator.</summary>
internal sealed class ToolException(ExitCode exitCode, string message, Exception? cause = null) : Exception(message, cause)
{
    public ExitCode ExitCode { get; } = exitCode;
}
