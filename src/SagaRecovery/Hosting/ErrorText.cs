using SagaRecovery.Status;

namespace SagaRecovery.Hosting;

/// <summary>Formats an exception in one line, inner messages included, since the outermost message often names no cause.</summary>
internal static class ErrorText
{
    private const int MaxLength = 2_000;

    public static string Of(Exception exception)
    {
        string text = exception.Message;
        for (Exception? inner = exception.InnerException; inner is not null; inner = inner.InnerException)
        {
            string outer = text.TrimEnd('.', ':', ' ');
            if (inner.Message.StartsWith(outer, StringComparison.Ordinal))
            {
                text = inner.Message; // the outer message only repeats the beginning
            }
            else if (!text.Contains(inner.Message.TrimEnd('.', ':', ' '), StringComparison.Ordinal))
            {
                text = $"{outer}: {inner.Message}";
            }
        }

        return Plain(text);
    }

    /// <summary>Makes text from outside safe for a line of the log or the report; see <see cref="PlainText"/>.</summary>
    public static string Plain(string text) => PlainText.OneLine(text, MaxLength);
}
