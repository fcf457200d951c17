// Preloaded into Gazebo Classic: its cameras, which ask the scene for the time in every turn of the render loop, are held
// up after the answer, as a busy machine may do it. Undefined symbols are found in the server's own libraries.
typedef void *(*sim_time)(void *, const void *);
extern void *dlsym(void *, const char *);
extern int usleep(unsigned);

#define SIM_TIME _ZNK6gazebo9rendering5Scene7SimTimeEv
#define TEXT(name) #name
#define NAME(name) TEXT(name)
#define NEXT ((void *)-1L)

void *SIM_TIME(void *time, const void *scene) {
  static sim_time original;
  static unsigned turn;
  if (!original) original = (sim_time)dlsym(NEXT, NAME(SIM_TIME));
  original(time, scene);
  usleep(HELD_UP_US + 500 * (turn++ % 3));
  return time;
}
