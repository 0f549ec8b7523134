import { start } from "../ui/start.tsx";
import { consoleRouter } from "./router.tsx";

void start(consoleRouter);
