namespace ControlPlane.Hosting;

/// <summary>The settings of the sample itself.</summary>
internal sealed class ControlPlaneOptions
{
    public const string SectionName = "ControlPlane";

    /// <summary>The folder of the private Postgres cluster and the coordinator id.</summary>
    /// <value>A path relative to the content root. The default is <c>data</c>.</value>
    public string DataFolder { get; set; } = "data";

    /// <summary>The folder with <c>initdb</c> and <c>pg_ctl</c>.</summary>
    /// <value>The default is null, which searches the PATH and the usual folders.</value>
    public string? PostgresBinFolder { get; set; }

    /// <summary>
    /// The token that authorizes operator actions. It is a secret: set it with the environment variable <c>ControlPlane__OperatorToken</c>.
    /// </summary>
    /// <value>The default is null, which generates a token at the first start and keeps it in the data folder.</value>
    public string? OperatorToken { get; set; }

    /// <summary>The time that a request waits until the process can start a saga.</summary>
    /// <value>The default is 5 seconds.</value>
    public TimeSpan StartTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The time that a request waits for its saga to end, before it is answered with 202.</summary>
    /// <value>The default is 30 seconds.</value>
    public TimeSpan AnswerTimeout { get; set; } = TimeSpan.FromSeconds(30);
}

/// <summary>The exception for an invalid setting. The message is meant for the user.</summary>
internal sealed class SettingException(string message) : Exception(message);
