using System.Text;

namespace SagaRecovery.Hosting;

/// <summary>An exception in one line, with what caused it: the outermost message alone often says only that something failed.</summary>
internal static class ErrorText
{
    public static string Of(Exception exception)
    {
        var text = new StringBuilder(exception.Message);
        for (Exception? inner = exception.InnerException; inner is not null; inner = inner.InnerException)
        {
            if (!text.ToString().Contains(inner.Message, StringComparison.Ordinal))
            {
                text.Append(": ").Append(inner.Message);
            }
        }

        return text.ToString();
    }
}
